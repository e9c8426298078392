"""People's heads, and how they are made unrecognisable in what leaves a camera. What is judged is never touched here,
and where a look for heads fails, the whole picture is hidden: nothing of this may fail open."""
