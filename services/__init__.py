"""The hub's services, one package each. They meet only over RabbitMQ and never import one another."""
