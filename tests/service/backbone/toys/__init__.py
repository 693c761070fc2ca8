"""Two small services under real names, so that the topology has queues for them: what the backbone's tests drive."""
