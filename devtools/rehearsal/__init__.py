"""`make rehearse`: the Dockerfile and the Compose file on a private Docker Engine, from the first start to the end.

The engine's data is in a temporary folder. Its network and its mounts are in namespaces of their own, so the ports of
the Compose file collide with nothing on this machine. What no package registry has is replaced: `override.yml`.
"""
