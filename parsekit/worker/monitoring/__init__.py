"""What operators see of a worker: metrics, queues, health and its HTTP port."""
