"""The commands, a module each; `parsekit.cli.command_list` has their order and lines of help."""
