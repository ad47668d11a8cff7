"""The grammar behind the demo model: a module per topic, each giving turns from a random source."""
