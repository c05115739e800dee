"""Every provider that Frontdesk speaks with, by the kind of its connection."""

from __future__ import annotations

from nodes.clients.channel import ChannelClient, Listening
from nodes.clients.ghl_arrival import GhlArrivals
from nodes.clients.hook import HookCalls
from nodes.clients.twilio import TwilioChannel
from nodes.clients.webchat import WebChat

CHANNELS: dict[str, ChannelClient] = {channel.kind: channel for channel in (WebChat(), TwilioChannel())}
# Those, and the CRM and other systems, which tell what happens there and are no way to a customer by themselves.
LISTENING: dict[str, Listening] = {**CHANNELS, GhlArrivals.kind: GhlArrivals(), HookCalls.kind: HookCalls()}


def client(kind: str) -> ChannelClient:
    """The client of a connection's kind. Raises KeyError with the known kinds."""
    try:
        return CHANNELS[kind]
    except KeyError:
        raise KeyError(f"'{kind}' is no channel (known: {', '.join(sorted(CHANNELS))}).") from None


def listening(kind: str) -> Listening:
    """Who understands what comes in over a connection of this kind. Raises KeyError with the known kinds."""
    try:
        return LISTENING[kind]
    except KeyError:
        raise KeyError(f"Nothing comes in over '{kind}' (known: {', '.join(sorted(LISTENING))}).") from None
