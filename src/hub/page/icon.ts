/** A lichen's rosette, seen from above. */
export const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">
<g fill="#5b8f62">
<circle cx="32" cy="14" r="11"/><circle cx="47" cy="22" r="11"/><circle cx="49" cy="39" r="11"/>
<circle cx="38" cy="51" r="11"/><circle cx="22" cy="50" r="11"/><circle cx="14" cy="37" r="11"/><circle cx="18" cy="21" r="11"/>
</g>
<circle cx="32" cy="33" r="18" fill="#8fbf7f"/>
<g fill="#e0a13a"><circle cx="27" cy="28" r="5"/><circle cx="39" cy="31" r="4"/><circle cx="31" cy="41" r="4.500"/></g>
<g fill="#b8741a"><circle cx="27" cy="28" r="2.200"/><circle cx="39" cy="31" r="1.700"/><circle cx="31" cy="41" r="1.900"/></g>
</svg>
`;
