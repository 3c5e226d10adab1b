"""Tables for analysts: what their columns mean, and the rows that a parsed replay gives them."""
