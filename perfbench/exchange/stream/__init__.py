"""The stream API: connections, subscriptions and their messages."""
