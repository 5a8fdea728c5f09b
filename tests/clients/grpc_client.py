"""A gRPC client without code of ours: it uses Envoy's published protos and reflection.

Usage: grpc_client.py ADDRESS. Reads {"method", "authorization", "request"} in JSON from standard input and writes
{"code", "details", "response"}. The method "services" lists the services of reflection.
"""

import json
import sys

import grpc
from envoy.service.auth.v3 import external_auth_pb2, external_auth_pb2_grpc
from google.protobuf import descriptor_pool, json_format, message_factory
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase


def published(channel, method):
    """The call and its request, of protos that others publish."""
    if method == "envoy.service.auth.v3.Authorization/Check":
        return external_auth_pb2_grpc.AuthorizationStub(channel).Check, external_auth_pb2.CheckRequest()
    if method == "grpc.health.v1.Health/Check":
        return health_pb2_grpc.HealthStub(channel).Check, health_pb2.HealthCheckRequest()
    return None


def reflected(channel, method):
    """The same for everything else, from reflection."""
    pool = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
    service, name = method.split("/")
    described = pool.FindServiceByName(service).FindMethodByName(name)
    response = message_factory.GetMessageClass(described.output_type)
    request = message_factory.GetMessageClass(described.input_type)
    call = channel.unary_unary(
        f"/{method}", request_serializer=request.SerializeToString, response_deserializer=response.FromString
    )
    return call, request()


def ask(channel, method, authorization, fields):
    if method == "services":
        return sorted(ProtoReflectionDescriptorDatabase(channel).get_services())
    call, request = published(channel, method) or reflected(channel, method)
    json_format.ParseDict(fields, request)
    metadata = [("authorization", authorization)] if authorization else []
    return json_format.MessageToDict(call(request, metadata=metadata, timeout=30))


def main():
    asked = json.load(sys.stdin)
    with grpc.insecure_channel(sys.argv[1]) as channel:
        try:
            response = ask(channel, asked["method"], asked.get("authorization"), asked.get("request", {}))
            answer = {"code": "OK", "response": response}
        except grpc.RpcError as error:
            answer = {"code": error.code().name, "details": error.details()}
    json.dump(answer, sys.stdout)


main()
