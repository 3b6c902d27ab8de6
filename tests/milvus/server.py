"""Runs the Milvus that PyPI's `milvus` carries, with its data in the folder that is named, until its input ends.

Says the port in a line of its own once calls are answered.
"""

import sys
from milvus import MilvusServer

server = MilvusServer()
server.set_base_dir(sys.argv[1])
try:
    server.start()
    print(server.listen_port, flush=True)
    sys.stdin.read()
finally:
    server.stop()
