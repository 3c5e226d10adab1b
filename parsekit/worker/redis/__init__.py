"""What all workers share in Redis: messages, results, task state, locks and membership."""
