"""An RTSP camera: serves a film (H.264 in Matroska) from GStreamer's own server, to one viewer after the other.

Usage: rtsp-server.py FILM. Prints the address once it listens. Ends with its standard input.
"""
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

Gst.init(None)
loop = GLib.MainLoop()
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service("0")
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(f"( filesrc location={sys.argv[1]} ! matroskademux ! rtph264pay name=pay0 pt=96 config-interval=1 )")
server.get_mount_points().add_factory("/stream", factory)
server.attach(None)
print(f"rtsp://127.0.0.1:{server.get_bound_port()}/stream", flush=True)


def until_told():
    sys.stdin.read()
    GLib.idle_add(loop.quit)


threading.Thread(target=until_told, daemon=True).start()
loop.run()
