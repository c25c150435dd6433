"""What the product costs, measured on this machine through its real doors: `python -m bench`.

Every figure stands beside its goal and beside a floor of the same run: the raw upstream, or a bare relay that only passes
bytes on. Nothing leaves the loopback interface. Must not know the product's inside: it speaks HTTP and the socket.
"""
