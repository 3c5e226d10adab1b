"""`parsekit doctor`: tries every component, and looks at the security of an installation."""
