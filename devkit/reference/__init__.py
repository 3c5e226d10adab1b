"""The reference of the docs, written from the code: one module a page, `pages` names them all."""
