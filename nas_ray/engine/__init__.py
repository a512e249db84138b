"""Ray underneath: the actor pool, resources, the recorder; nothing else builds Ray objects."""
