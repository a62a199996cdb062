"""The voices that ship with the package, without the backgrounds: clean speech of some people."""

from fqss_tf.data.bad_files import BadFilePolicy
from fqss_tf.data.bundled import BUNDLED, data_root
from fqss_tf.data.clips import Clip
from fqss_tf.data.folders import PARTS, Speaker, SpeakerFolders
from fqss_tf.data.mixtures import FixedMixture

VOICE = "voice"


class BundledVoices:
    """What ``bundled`` is to a network whose sources are voices.

    Args:
        bad_files: a ``BadFilePolicy``; None raises at the first broken file.
    """

    kind = "speaker folders"

    def __init__(self, bad_files: BadFilePolicy | None = None) -> None:
        self.root = data_root(BUNDLED)
        self._bad_files = bad_files
        self.parts = tuple(part for part in PARTS if (self.root / part).is_dir())

    def speakers(self, part: str) -> list[Speaker]:
        """Returns the speakers; see ``SpeakerFolders.speakers``."""
        return self._folders(part).speakers(VOICE)

    def mixtures(self, part: str) -> list[FixedMixture]:
        """Returns mixtures of two voices, of ``<part>/voice/mixtures.csv``; train has none."""
        return self._folders(part).mixtures(VOICE)

    def noises(self, part: str) -> list[Clip]:
        """Returns an empty list: the backgrounds are left out."""
        return []

    def _folders(self, part: str) -> SpeakerFolders:
        return SpeakerFolders(self.root / part, self._bad_files)
