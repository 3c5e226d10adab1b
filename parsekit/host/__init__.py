"""The plugin host: finds plugins, keeps them from hurting each other, picks providers by name."""
