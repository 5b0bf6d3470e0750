// Before the first paint: the theme that was chosen here, so that the page does not flash in the other one.
const theme = localStorage.getItem('spine.theme')
if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
