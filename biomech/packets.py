"""Packets of a film that need not be decoded: no other picture is made from theirs, and nobody wants to see it.

Of a film of 60 pictures a second every second one is looked at; where the others are "B" pictures that none refers to,
as phones and x264 store every second one, leaving them out costs nothing but their decoding. What is decoded is the
same to the bit.
"""

import heapq
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Iterable, Iterator

import av

REORDERED = 32  # packets by which the orders of decoding and of showing differ, at most: twice what H.264 allows
# Kinds of units (ITU-T H.264, table 7-1): a slice of a picture; and messages, delimiters, filling of the picture alone.
SLICE = 1
BESIDE = {6, 9, 12}


class Needed:
    """The packets of a stream without those that nobody needs; the same stream's frames are counted with them.

    Args:
        packets: of one stream of pictures, in the order of decoding.
        stream: theirs.
        every: one picture in so many is wanted, from the first in the window.
        in_window: of a time (s) of the stream, whether its picture counts.

    Attributes:
        left_out: how many packets were.
        hidden: how many the file says are not to be shown (an edit list's).
    """

    def __init__(
        self,
        packets: Iterable[av.Packet],
        stream: av.VideoStream,
        every: int,
        in_window: Callable[[float], bool],
    ):
        self._packets, self._every, self._in_window = packets, every, in_window
        self._length = _length_bytes(stream)
        self._regular = every > 1 and stream.container.format.name != "avi"  # whose times are those of decoding
        self._begun = False  # a picture came as promised: where a film is entered in its middle, some never come
        self._stamps: list[int] = []  # of the packets that count, ascending
        self._waiting: list[int] = []  # stamps of those that were left out and whose turn to be shown has not come
        self.left_out = self.hidden = 0

    def __iter__(self) -> Iterator[av.Packet]:
        ahead: deque[av.Packet] = deque()
        for packet in self._packets:
            self.hidden += packet.is_discard
            if (stamp := self._counted(packet)) is not None:
                insort(self._stamps, stamp)
            ahead.append(packet)
            if len(ahead) > REORDERED:
                yield from self._passed(ahead.popleft())
        for packet in ahead:
            yield from self._passed(packet)

    def before(self, stamp: int | None, count: int) -> int:
        """How many pictures were left out that would have been shown since the last one.

        Where what is decoded is not what the packets promised, none is left out from then on.

        Args:
            stamp: of a decoded picture; None: of the end.
            count: of the pictures that counted before it, those left out among them as far as they were told of.

        Returns:
            So many more.
        """
        more = 0
        while self._waiting and (stamp is None or self._waiting[0] < stamp):
            heapq.heappop(self._waiting)
            more += 1
        if stamp is not None and self._regular:
            self._regular = self._begun = bisect_left(self._stamps, stamp) == count + more
        return more

    def _counted(self, packet: av.Packet) -> int | None:
        """The stamp of a packet whose picture counts."""
        if packet.pts is None or packet.is_discard or not packet.time_base:
            return None
        return packet.pts if self._in_window(float(packet.pts * packet.time_base)) else None

    def _passed(self, packet: av.Packet) -> Iterator[av.Packet]:
        stamp = self._counted(packet) if self._regular and self._begun else None
        wanted = stamp is None or bisect_left(self._stamps, stamp) % self._every == 0
        if stamp is None or wanted or not (packet.is_disposable or self._is_of_no_use(packet)):
            yield packet
            return
        heapq.heappush(self._waiting, stamp)
        self.left_out += 1

    def _is_of_no_use(self, packet: av.Packet) -> bool:
        """Whether nothing in it is of use to another picture: H.264's nal_ref_idc of all slices is 0."""
        if not self._length:
            return False
        content, at, slices = memoryview(packet), 0, 0
        while at + self._length < len(content):
            head = content[at + self._length]
            kind = head & 31
            if kind == SLICE and not head >> 5 & 3:
                slices += 1
            elif kind not in BESIDE:
                return False
            at += self._length + int.from_bytes(content[at : at + self._length], "big")
        return slices > 0 and at == len(content)


def _length_bytes(stream: av.VideoStream) -> int:
    """Of H.264 as .mp4 and .mov hold it (ISO 14496-15, "avcC"), how many bytes the units' lengths have; 0 of others."""
    context = stream.codec_context
    told = context.extradata
    return (told[4] & 3) + 1 if context.name == "h264" and told and len(told) > 4 and told[0] == 1 else 0
