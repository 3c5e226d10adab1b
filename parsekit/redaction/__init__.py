"""Masks secrets in everything that is printed, logged, stored or sent."""
