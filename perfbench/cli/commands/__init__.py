"""One module per command; the module's name is the command's name, its docstring's first line the help in the list."""
