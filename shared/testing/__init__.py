"""What tests of every part use: servers found or started, real doubles. Never imported by the product."""
