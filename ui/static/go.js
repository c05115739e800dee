// Leads the browser to another address of this site.

export default function ({ data }) { window.location.assign(unpacked(data).to); }
