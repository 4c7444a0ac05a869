# Its functions are for the other compiled modules: Python sees none.
