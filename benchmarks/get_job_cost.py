#!/usr/bin/python3
"""What a call of GetJob costs the server's processors, beside a call that does nothing: the health
check of the same server, which is what gRPC itself costs. On an idle machine, after the build:

  HALFTONE_SOURCE_DIR=$PWD HALFTONE_BINARY_DIR=$PWD/build benchmarks/get_job_cost.py [CALLS]
"""

import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["HALFTONE_SOURCE_DIR"], "tests/e2e"))
from halftone_server import TINY_DIGITS, Client, Server, compile_protos, read  # noqa: E402
from waiting import processor_seconds  # noqa: E402

IN_FLIGHT = 32


def finished_job(client):
    model = client.upload("Model", read(TINY_DIGITS, "model.onnx")).name
    data = client.upload("Dataset", read(TINY_DIGITS, "calib.npz")).name
    budget = client.message("Budget", metric="latency", limit="50%")
    spec = client.message("SearchSpec", model=model, calibration_dataset=data, target="bitfusion",
                          budgets=[budget])
    job = client.call("SearchService", "CreateJob", spec=spec)
    for _ in client.stream("SearchService", "WatchJob", name=job.name):
        pass
    return job.name


def one_at_a_time(call, request, calls):
    for _ in range(calls):
        call(request)


def in_flight(call, request, calls):
    flight = []
    for _ in range(calls):
        flight.append(call.future(request))
        if len(flight) == IN_FLIGHT:
            flight.pop(0).result()
    for future in flight:
        future.result()


def main(calls):
    with tempfile.TemporaryDirectory() as folder:
        modules = compile_protos(folder)
        server = Server()
        try:
            client = Client(server.address, modules)
            job = client.message("GetJobRequest", name=finished_job(client)).SerializeToString()
            asked = {"GetJob": ("/halftone.v1.SearchService/GetJob", job),
                     "health check": ("/grpc.health.v1.Health/Check", b"")}
            for how in (one_at_a_time, in_flight):
                for name, (path, request) in asked.items():
                    call = client.channel.unary_unary(path)
                    call(request)
                    before = processor_seconds(server.process)
                    how(call, request, calls)
                    seconds = processor_seconds(server.process) - before
                    print(f"{name}, {how.__name__}: {seconds / calls * 1e6:.0f} us", flush=True)
        finally:
            server.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10000)
