#!/usr/bin/python3
"""A profiler for Halftone: profiler_plugin.py FOLDER_OF_PROTOS SERVER NAME_OF_THE_TARGET
Needs protoc, python3-protobuf, python3-grpcio. Put your device in the place of DEVICE, measure."""
import subprocess, sys, tempfile, threading, time
from concurrent import futures
import grpc

sys.path.insert(0, tempfile.mkdtemp())
subprocess.run(["protoc", "-I", sys.argv[1], f"--python_out={sys.path[0]}", *(
    f"halftone/v1/{name}.proto" for name in ("types", "profiler_service",
                                             "profiler_registry_service"))], check=True)
from halftone.v1 import profiler_registry_service_pb2 as registry
from halftone.v1 import profiler_service_pb2 as api
from halftone.v1 import types_pb2 as types

DEVICE = types.Device(name="toy core", isa="200 MHz, dual 8-bit MAC", library="toy model 1")
MACS_PER_CYCLE = {"w8a8": 2, "w4a8": 2, "w4a4": 4}
BUSY = threading.Lock()  # one measurement at a time

def measure(layer, precision, batch):
    return layer.macs * batch / MACS_PER_CYCLE[precision] * 5  # nanoseconds

def describe(request, context):
    return api.DescribeResponse(protocol_version=1, description="a toy processor",
                                device=DEVICE, precisions=MACS_PER_CYCLE)

def profile(request, context):
    yield api.ProfileResponse(device=DEVICE)
    known = {(row.layer, row.precision) for row in request.known}
    rows = [(layer, precision) for layer in request.layers for precision in request.precisions
            if (layer.name, precision) not in known]
    with BUSY:
        for i, (layer, precision) in enumerate(rows):
            row = api.LayerCost(layer=layer.name, precision=precision, implementation="toy",
                                latency_ns=measure(layer, precision, request.batch))
            yield api.ProfileResponse(layers=[row], fraction=i / len(rows), detail=layer.name)
    yield api.ProfileResponse(fraction=1, done=True)

def main():
    write = lambda message: message.SerializeToString()
    handlers = grpc.method_handlers_generic_handler("halftone.v1.ProfilerService", {
        "Describe": grpc.unary_unary_rpc_method_handler(
            describe, api.DescribeRequest.FromString, write),
        "Profile": grpc.unary_stream_rpc_method_handler(
            profile, api.ProfileRequest.FromString, write)})
    server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[handlers],
                         options=[("grpc.max_receive_message_length", -1)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    register = grpc.insecure_channel(sys.argv[2]).unary_unary(
        "/halftone.v1.ProfilerRegistryService/RegisterProfiler", write, lambda answer: answer)
    while True:  # to register again is a sign of life, and finds a server that was started again
        try:
            register(registry.RegisterProfilerRequest(name=sys.argv[3], address=f":{port}"))
        except grpc.RpcError as error:
            print(error.details(), file=sys.stderr)
        time.sleep(5)

if __name__ == "__main__":
    main()
