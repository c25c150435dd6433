import type { NextConfig } from "next";

// The client is a set of static files: the server that holds the data also hands out these pages.
const config: NextConfig = {
  output: "export",
  trailingSlash: true,
  images: { unoptimized: true },
  reactStrictMode: true,
  poweredByHeader: false,
};

export default config;
