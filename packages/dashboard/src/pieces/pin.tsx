/** A pin, beside the word where no column head says it. */

export const PinGlyph = () => (
  <svg class="pin" width="12" height="12" viewBox="0 0 12 12" role="img" aria-label="pinned">
    <path d="M4 1h4l-.6 3.6L9.500 7H2.500l2.100-2.400zM6 7v4" />
  </svg>
)
