"""What reaches the terminal besides the commands' own words."""

import subprocess
import sys

import pytest

_CUT_OFF_CALL = """
import socket, threading
from py4j.java_gateway import GatewayParameters, JavaGateway
from seg_spark.cli.main import main
main(["--help"])
server = socket.create_server(("127.0.0.1", 0))

def hang_up():
    while True:
        server.accept()[0].close()

threading.Thread(target=hang_up, daemon=True).start()
gateway = JavaGateway(gateway_parameters=GatewayParameters(port=server.getsockname()[1]))
try:
    gateway.jvm.System.currentTimeMillis()
except Exception as error:
    print("raised", type(error).__name__)
"""


@pytest.mark.process
def test_a_call_that_is_cut_off_raises_but_logs_no_stack_trace() -> None:
    done = subprocess.run([sys.executable, "-c", _CUT_OFF_CALL], capture_output=True, text=True, timeout=60, check=True)
    assert "raised Py4J" in done.stdout
    assert done.stderr == ""
