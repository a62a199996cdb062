"""Speech data: folders of speakers, mixing on the fly, fixed mixtures."""
