"""Tasks over RabbitMQ: Celery's transport with publisher confirms and bounded waits."""
