"""Whole deployments, worked for as long as you like: ``chaos`` breaks them, ``soak`` measures them.

Real servers and workers; only Ballchasing is its simulator. What both hold the service to stands in
`trials.promises`. ``serve`` kills `parsekit serve` while clients upload.
"""
