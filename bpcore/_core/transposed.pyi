# Its class is for the other compiled modules: Python sees none.
