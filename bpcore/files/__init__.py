"""Model files and exports: what is written and read, whoever it belongs to."""
