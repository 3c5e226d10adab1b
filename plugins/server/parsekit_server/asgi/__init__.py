"""The web side: calls of HTTP turned into questions to the site, and its answers into JSON."""
