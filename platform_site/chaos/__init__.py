"""Breaking an installation of its own on purpose, to show what this machine and these settings keep of the promises.

Everything happens in a scratch data folder and, on PostgreSQL, in a scratch database, on free ports, with the demo model; a
product that runs is never touched, nor is its data.
"""
