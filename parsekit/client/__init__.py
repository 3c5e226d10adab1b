"""What calls the service: sends tasks, cancels them, and works on dead letters."""
