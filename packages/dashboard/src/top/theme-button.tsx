/** Day or night. What was chosen is kept; before that the system decides. */

function toggle(): void {
  const root = document.documentElement
  const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches
  const next = dark ? 'light' : 'dark'
  root.dataset.theme = next
  localStorage.setItem('spine.theme', next)
}

export const ThemeButton = () => (
  <button type="button" class="icon" aria-label="Switch between light and dark" onClick={toggle}>
    <svg width="15" height="15" viewBox="0 0 15 15" aria-hidden="true">
      <circle cx="7.5" cy="7.5" r="6" fill="none" stroke="currentColor" stroke-width="1.5" />
      <path d="M7.5 1.5a6 6 0 0 1 0 12z" fill="currentColor" />
    </svg>
  </button>
)
