/**
 * The service worker's address: one may only answer for the folder that its script lies in.
 */

importScripts("offline/copy.js");
