"""One module a step, numbered. One that was released is never changed again."""
