"""Receipts, there and back."""

from dataclasses import asdict

from daguerre.wire import Receipt
from daguerre_proto.v1 import common_pb2


def made_receipt(said: common_pb2.Receipt) -> Receipt:
    """Off the wire."""
    return Receipt(
        model=said.model,
        revision=said.revision,
        fingerprint=said.fingerprint,
        precision=said.precision,
        provider=said.provider,
        decode=said.decode,
        demonstration=said.demonstration,
        notice=said.notice if said.HasField("notice") else None,
        made_with=dict(said.made_with),
    )


def receipt_message(receipt: Receipt) -> common_pb2.Receipt:
    """On the wire."""
    return common_pb2.Receipt(**{name: value for name, value in asdict(receipt).items() if value is not None})
