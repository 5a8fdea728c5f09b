"""A receiver of traces without code of ours: grpcio, and the published protos of OTLP.

Usage: otlp_receiver.py PORT [CERTIFICATE KEY]. With a certificate it speaks TLS. Writes each span that it gets as a line of JSON: what tests look at by name, and all of it.
"""

import json
import sys
from concurrent import futures

import grpc
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.trace.v1 import trace_pb2


def values(attributes):
    """Attributes by name, whatever kind of value each has."""
    return {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in attributes}


def told(resource, span, api_key):
    return {
        "name": span.name,
        "kind": trace_pb2.Span.SpanKind.Name(span.kind),
        "trace": span.trace_id.hex(),
        "span": span.span_id.hex(),
        "parent": span.parent_span_id.hex(),
        "attributes": values(span.attributes),
        "resource": values(resource.attributes),
        "is_error": span.status.code == trace_pb2.Status.STATUS_CODE_ERROR,
        "events": len(span.events),
        "api_key": api_key,
        "whole": json_format.MessageToDict(span),
    }


class Receiver(trace_service_pb2_grpc.TraceServiceServicer):
    def Export(self, request, context):
        api_key = dict(context.invocation_metadata()).get("api-key", "")
        for of_resource in request.resource_spans:
            for of_scope in of_resource.scope_spans:
                for span in of_scope.spans:
                    print(json.dumps(told(of_resource.resource, span, api_key)), flush=True)
        return trace_service_pb2.ExportTraceServiceResponse()


def main():
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Receiver(), server)
    address = f"127.0.0.1:{sys.argv[1]}"
    if len(sys.argv) > 2:
        certificate, key = (open(path, "rb").read() for path in sys.argv[2:4])
        server.add_secure_port(address, grpc.ssl_server_credentials([(key, certificate)]))
    else:
        server.add_insecure_port(address)
    server.start()
    server.wait_for_termination()


main()
