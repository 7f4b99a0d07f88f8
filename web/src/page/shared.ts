/** Name of the cache through which shared files go from the service worker to the page. */
export const SHARED = 'checkbox-counter-shared';
