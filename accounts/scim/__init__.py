"""SCIM 2.0 (RFC 7643, 7644): a workspace's directory makes, changes and removes its people and groups.

The directory speaks with the token of a service account whose role an owner gave `scim.manage`. It decides about people of
the domains that an operator approved for the workspace, and never about anybody else's account.
"""
