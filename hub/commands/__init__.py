"""The commands of `hub`, by what they touch: the installation, the running hub, its dead letters, the ground itself."""
