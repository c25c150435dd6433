"""The ASGI application: HTTP by Django, the socket by Channels."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "platform_site.settings.local")
django.setup(set_prefix=False)

from channels.routing import ProtocolTypeRouter  # noqa: E402

from agents.ws.routing import websocket_application  # noqa: E402
from platform_site.server.http import PooledHandler  # noqa: E402

application = ProtocolTypeRouter({"http": PooledHandler(), "websocket": websocket_application})
