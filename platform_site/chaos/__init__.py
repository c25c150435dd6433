"""Breaking an installation of its own on purpose, to show what this machine and these settings keep of the promises.

Everything happens in a scratch data folder, on a free port, with the demo model; a product that runs is never touched.
"""
