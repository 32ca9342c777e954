/** The page itself: nothing in it comes from devices; the script fills it in. */
export const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Lichen hub</title>
<link rel="icon" href="/page/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/page/style.css">
<script type="module" src="/page/main.js"></script>
</head>
<body>
<a class="skip" href="#devices-title">Skip to the devices</a>
<header class="top">
  <img class="logo" src="/page/icon.svg" alt="" width="36" height="36">
  <h1>Lichen <span>hub</span></h1>
  <p id="live" class="live" role="status" data-state="waiting">connecting</p>
</header>
<noscript><p class="notice">This page needs JavaScript. The same numbers are at <a href="/api/devices">/api/devices</a> and <a href="/metrics">/metrics</a>.</p></noscript>
<main>
  <dl id="summary" class="summary" aria-label="Summary"></dl>
  <div class="columns">
    <section aria-labelledby="devices-title">
      <div class="heading">
        <h2 id="devices-title" tabindex="-1">Devices</h2>
        <label class="filter" hidden><span>Filter</span> <input id="filter" type="search" autocomplete="off" placeholder="device, task or profile"></label>
      </div>
      <p id="notice" class="notice" role="status" hidden></p>
      <div id="devices" class="devices"></div>
    </section>
    <div class="side">
      <section class="panel" aria-labelledby="events-title">
        <h2 id="events-title">Events</h2>
        <ol id="events" class="events" tabindex="0" aria-label="Newest events first"></ol>
      </section>
      <section class="panel" aria-labelledby="packs-title">
        <h2 id="packs-title">Packs</h2>
        <div id="packs" class="packs"></div>
        <label class="upload"><span>Upload a pack</span> <input id="upload" type="file"></label>
        <p id="packs-notice" class="notice" role="status" hidden></p>
      </section>
    </div>
  </div>
</main>
</body>
</html>
`;
