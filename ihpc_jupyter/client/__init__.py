"""How a door asks the agent: finds it or starts it, sends a request, gets a model or one of our errors."""
