"""Progress and analytics to RabbitMQ for parsekit."""
