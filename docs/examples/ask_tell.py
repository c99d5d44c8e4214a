#!/usr/bin/python3
"""Drives a finished search from outside: ask_tell.py FOLDER_OF_PROTOS SERVER JOB [EVALUATIONS]
Needs protoc, python3-protobuf, python3-grpcio. Half of what it tries Halftone suggests; the other
half is a random walk around the best so far, in the place of which your optimizer goes."""
import random, subprocess, sys, tempfile
import grpc

sys.path.insert(0, tempfile.mkdtemp())
subprocess.run(["protoc", "-I", sys.argv[1], f"--python_out={sys.path[0]}",
                "halftone/v1/exploration_service.proto"], check=True)
from halftone.v1 import exploration_service_pb2 as api

CHANNEL = grpc.insecure_channel(sys.argv[2])
JOB, EVALUATIONS = sys.argv[3], int(sys.argv[4]) if len(sys.argv) > 4 else 32

def call(method, request, response):
    return CHANNEL.unary_unary(f"/halftone.v1.ExplorationService/{method}",
                               request_serializer=type(request).SerializeToString,
                               response_deserializer=response.FromString)(request, timeout=60)

def neighbour(assignment, groups):
    """The assignment with one group of layers, all of which choose together, changed."""
    group = random.choice([group for group in groups if len(group.precisions) > 1])
    now = assignment[group.layers[0]]
    precision = random.choice([other for other in group.precisions if other != now])
    return {**assignment, **{layer: precision for layer in group.layers}}

def main():
    random.seed(0)
    space = call("GetExploration", api.GetExplorationRequest(job=JOB), api.Exploration)
    best = space.best if space.HasField("best") else space.start
    for turn in range(EVALUATIONS):
        tried = neighbour(dict(best.assignment), space.groups)
        if turn % 2 == 0:
            asked = call("Ask", api.AskRequest(job=JOB), api.AskResponse).suggestions
            if asked:
                tried = dict(asked[0].assignment)
        told = call("Tell", api.TellRequest(job=JOB, assignment=tried), api.TellResponse)
        if told.is_best:
            best = told.trial
        print(f"{told.evaluations:4} {space.divergence} {told.trial.divergence:.6g}",
              "" if told.trial.feasible else "beyond the budgets", "best" if told.is_best else "")
    print("best", f"{best.divergence:.6g}", dict(best.assignment))

main()
